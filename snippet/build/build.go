// Package build turns the TypeScript in snippet/src into the one file that
// browsers load. It runs when the snippet is generated and in the test that
// proves the committed file current, never in the product.
package build

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// Bundle returns the minified script of the sources in dir.
func Bundle(dir string) ([]byte, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle snippet: %w", err)
	}
	r := api.Build(api.BuildOptions{
		AbsWorkingDir:     abs,
		EntryPoints:       []string{"ripen.ts"},
		Bundle:            true,
		Format:            api.FormatIIFE,
		Target:            api.ES2020,
		Platform:          api.PlatformBrowser,
		Charset:           api.CharsetUTF8,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone,
		LogLevel:          api.LogLevelSilent,
	})
	var errs []error
	for _, m := range r.Errors {
		at := dir
		if m.Location != nil {
			at = fmt.Sprintf("%s:%d:%d", filepath.Join(dir, m.Location.File), m.Location.Line, m.Location.Column)
		}
		errs = append(errs, fmt.Errorf("%s: %s", at, m.Text))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return r.OutputFiles[0].Contents, nil
}
