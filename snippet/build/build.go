// Package build turns the TypeScript in snippet/src into the two files that
// browsers load. It runs when the snippet is generated and in the test that
// proves the committed files current, never in the product.
package build

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/evanw/esbuild/pkg/api"
)

// Bundle returns the minified scripts of the sources in dir: the snippet, and
// that of on-site messages, which the snippet loads by its version and integrity.
func Bundle(dir string) (snippet, onsite []byte, err error) {
	if onsite, err = bundle(dir, "onsite.ts", nil); err != nil {
		return nil, nil, err
	}
	version, sri := sha256.Sum256(onsite), sha512.Sum384(onsite)
	snippet, err = bundle(dir, "ripen.ts", map[string]string{
		"ONSITE":     strconv.Quote("/" + hex.EncodeToString(version[:6]) + ".js"),
		"ONSITE_SRI": strconv.Quote("sha384-" + base64.StdEncoding.EncodeToString(sri[:])),
	})
	return snippet, onsite, err
}

func bundle(dir, entry string, define map[string]string) ([]byte, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle snippet: %w", err)
	}
	r := api.Build(api.BuildOptions{
		AbsWorkingDir:     abs,
		EntryPoints:       []string{entry},
		Define:            define,
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
