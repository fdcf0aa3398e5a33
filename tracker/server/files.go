package server

import (
	"fmt"

	"ripen/tracker/ingest"
)

// files are the operator's own, each optional and read again when it is replaced.
type files struct {
	centers *ingest.File[ingest.Ranges] // nil = none was given
	places  *ingest.File[ingest.Places]
}

func openFiles(cfg *Config) (f files, err error) {
	if cfg.Datacenters != "" {
		if f.centers, err = ingest.OpenRanges(cfg.Datacenters); err != nil {
			return f, fmt.Errorf("datacenters: %w", err)
		}
	}
	if cfg.Geo != "" {
		if f.places, err = ingest.OpenPlaces(cfg.Geo); err != nil {
			return f, fmt.Errorf("geo: %w", err)
		}
	}
	return f, nil
}

// trouble says which files cannot be taken as they are: setting → why. What was in
// force before them is.
func (f *files) trouble() (out map[string]string) {
	for name, err := range map[string]error{"datacenters": f.centers.Trouble(), "geo": f.places.Trouble()} {
		if err != nil {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = err.Error()
		}
	}
	return out
}
