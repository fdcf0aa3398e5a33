package main

import (
	"ripen/storage"
	"ripen/tracker/ingest"
)

// examineFiles adds what there is to say of the files that the settings name, which
// a server reads when it starts and whenever they are replaced.
func (c *call) examineFiles(r *storage.Report) {
	examine := func(setting, do string, open func(path string) (string, error)) {
		path := c.get(setting)
		if path == "" {
			return
		}
		f := storage.Finding{Severity: storage.Info, File: path}
		what, err := open(path)
		if f.What = "--" + setting + ": " + what; err != nil {
			f.Severity, f.What, f.Do = storage.Failure, "--"+setting+": "+err.Error(), do
		}
		r.Findings = append(r.Findings, f)
	}
	examine("datacenters", "write one range like 192.0.2.0/24 a line", func(path string) (string, error) {
		_, err := ingest.OpenRanges(path)
		return "can be read", err
	})
	examine("geo", "fetch it again from where it came, and put it into its place by renaming", func(path string) (string, error) {
		f, err := ingest.OpenPlaces(path)
		if err != nil {
			return "", err
		}
		return f.Now().String(), nil
	})
}
