package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"ripen/storage"
	"ripen/tracker"
)

func opsCommands() []*command {
	return []*command{
		{
			name: "replay", folds: true, use: append([]string{"as-of"}, tenantSettings...),
			summary: text{"rebuild leads, order and timers from the log; the world sees nothing of it", "reconstruir leads, orden y temporizadores desde el registro; el mundo no nota nada"},
			help: `
Everything but the log and the settings can be computed again. With --as-of the
ranking of that moment is printed instead, as NDJSON, and nothing is touched.

  ripen replay --data ./data
  ripen replay --as-of 2026-01-31T12:00:00Z --data ./data > then.ndjson`,
			run: runReplay,
		},
		{
			name: "backup", args: "FILE", min: 1, max: 1, use: serverSettings,
			summary: text{"copy everything, while the server runs", "copiar todo, con el servidor en marcha"},
			help: `
Writes three files. FILE holds the log, the settings and what is derived.
FILE.keys holds the keys without which nothing personal in FILE can be read:
guard it as such, keep it apart, let it expire sooner. FILE.erased lists who was
erased: restoring an old backup with the newest list erases them again.

  ripen backup ripen-2026-01-31.bak --data ./data`,
			run: runBackup,
		},
		{
			name: "restore", args: "FILE", min: 1, max: 1, use: []string{"data", "keys", "erased"},
			summary: text{"make a new data directory of a backup", "crear un directorio de datos nuevo desde una copia"},
			help: `
The directory must not exist, or be empty; it appears whole or not at all.
FILE.keys and FILE.erased are taken if they lie beside FILE.

  ripen restore ripen-2026-01-31.bak --data ./new-data
  ripen restore old.bak --erased newest.bak.erased --data ./new-data`,
			run: runRestore,
		},
		{
			name: "doctor", use: append([]string{"repair", "accept-loss", "protocols", "source", "geo", "datacenters"}, tenantSettings...),
			summary: text{"examine a data directory nobody uses: what is wrong, what to do", "examinar un directorio de datos libre: qué va mal y qué hacer"},
			help: `
Reads every file and every block of the log and checks sequence, hash chain and
checksums. Exit code 1 means that something is wrong. --repair mends what can be
mended without loss; with --accept-loss it also forgets what is lost for good,
and names it. --protocols sends an event that is never scored through every wire
format of a source, to a server that runs or to one of its own, and asks for its verdict.
The files that --geo and --datacenters name are examined, too.

  ripen doctor --data ./data
  ripen doctor --protocols --source default --data ./data
  ripen doctor --data ./data --repair
  ripen doctor --data ./data --repair --accept-loss`,
			run: runDoctor,
		},
		{
			name: "version", use: []string{"json"},
			summary: text{"version of this binary", "versión de este binario"},
			run:     runVersion,
		},
	}
}

func runVersion(_ context.Context, c *call) error {
	v := map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v["revision"] = s.Value
			}
		}
	}
	if c.bool("json") {
		return c.printJSON(v)
	}
	_, err := fmt.Fprintf(c.out, "ripen %s %s %s/%s\n", version, v["go"], v["os"], v["arch"])
	return err
}

func runReplay(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		if t := c.time("as-of"); !t.IsZero() {
			cl.accept = "application/x-ndjson"
			resp, err := cl.request(ctx, "GET", "/v1/leads", url.Values{"as_of": {t.UTC().Format(time.RFC3339Nano)}}, nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(c.out, resp.Body)
			return err
		}
		return c.replayAll(ctx, cl)
	})
}

// step is a line of the progress that long calls stream. The last one of a call
// that succeeded says so: with end, or with a result.
type step struct {
	Done   int64           `json:"done"`
	Total  int64           `json:"total"`
	Error  *problemError   `json:"error"`
	End    bool            `json:"end"`
	Result json.RawMessage `json:"result"`
}

// follow asks for something long, shows how far it is, and returns the last step.
func (c *call) follow(ctx context.Context, cl *client, what, path string, q url.Values) (last step, err error) {
	p := c.startProgress(what, 0, countText)
	defer p.end()
	err = cl.lines(ctx, "POST", path, q, nil, func(line []byte) error {
		last = step{}
		if err := json.Unmarshal(line, &last); err != nil {
			return fmt.Errorf("decode progress: %w", err)
		}
		p.total.Store(last.Total)
		p.to(last.Done)
		if last.Error != nil {
			return last.Error
		}
		return nil
	})
	return last, err
}

func (c *call) replayAll(ctx context.Context, cl *client) error {
	last, err := c.follow(ctx, cl, "replay", "/v1/admin/replay", nil)
	switch {
	case err != nil:
		return err
	case !last.End:
		return errors.New("the server ended before the replay did: run it again")
	case c.bool("json"):
		return c.printJSON(map[string]int64{"events": last.Done})
	}
	_, err = fmt.Fprintf(c.out, text{"replayed %s records\n", "%s registros recorridos de nuevo\n"}.in(c.lang), countText(last.Done))
	return err
}

// backupParts are the files of a backup, in the order in which they must be
// taken: what the log refers to is in the keys, which come after it.
var backupParts = []struct{ suffix, path string }{
	{"", "/v1/admin/backup"}, {".keys", "/v1/admin/backup-keys"}, {".erased", "/v1/admin/erasures"},
}

func runBackup(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var total int64
		p := c.startProgress("backup", 0, bytesText)
		for _, part := range backupParts {
			n, err := cl.download(ctx, part.path, c.args[0]+part.suffix, p)
			if err != nil {
				p.end()
				return err
			}
			total += n
		}
		p.end()
		if c.bool("json") {
			return c.printJSON(map[string]any{"file": c.args[0], "bytes": total})
		}
		_, err := fmt.Fprintf(c.out, text{"wrote %[1]s, %[1]s.keys and %[1]s.erased, %[2]s\n", "escritos %[1]s, %[1]s.keys y %[1]s.erased, %[2]s\n"}.in(c.lang), c.args[0], bytesText(total))
		return err
	})
}

// download writes an answer into a file whole or not at all: a file beside,
// synced, then renamed.
func (cl *client) download(ctx context.Context, path, file string, p *progress) (int64, error) {
	resp, err := cl.request(ctx, "GET", path, nil, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.TeeReader(resp.Body, counter{p}))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return n, errors.Join(err, os.Remove(part))
	}
	return n, os.Rename(part, file)
}

// counter feeds what passes by to a progress bar.
type counter struct{ p *progress }

func (w counter) Write(b []byte) (int, error) {
	w.p.add(int64(len(b)))
	return len(b), nil
}

func runRestore(ctx context.Context, c *call) error {
	dir, file := c.get("data"), c.args[0]
	if dir == "" {
		return &usageError{"restore needs --data DIR, a directory that does not exist yet or is empty", "ripen help restore"}
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	keys, err := openBeside(c.get("keys"), file+".keys")
	if err != nil {
		return err
	}
	defer keys.Close()
	erased, err := openBeside(c.get("erased"), file+".erased")
	if err != nil {
		return err
	}
	defer erased.Close()
	p := c.startProgress("restore", info.Size(), bytesText)
	src := storage.Source{Data: io.TeeReader(f, counter{p}), Tell: tellErased}
	if keys != nil {
		src.Keys = keys
	}
	if erased != nil {
		src.Erasures = erased
	}
	err = storage.Restore(ctx, dir, src)
	p.end()
	if err != nil {
		return err
	}
	if keys == nil {
		fmt.Fprintln(c.out, text{"without the keys: nothing personal in it can be read", "sin las claves: nada personal puede leerse"}.in(c.lang))
	}
	_, err = fmt.Fprintf(c.out, text{"restored into %[1]s; start it with: ripen serve --data %[1]s\n", "restaurado en %[1]s; arranca con: ripen serve --data %[1]s\n"}.in(c.lang), dir)
	return err
}

// tellErased is the record by which the leads of a restored copy learn who was
// erased after the backup.
func tellErased(t storage.Tenant, subjects []storage.Subject) storage.Record {
	ids := make([]tracker.LeadID, len(subjects))
	for i, s := range subjects {
		ids[i] = tracker.LeadOf(s)
	}
	return storage.Record{Tenant: t, Kind: storage.KindControl, Row: tracker.AppendErasure(nil, ids)}
}

// openBeside opens the named file, else the one that usually lies there, else
// nothing. A nil file may be closed.
func openBeside(named, usual string) (*os.File, error) {
	if named != "" {
		return os.Open(named)
	}
	f, err := os.Open(usual)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func runDoctor(ctx context.Context, c *call) error {
	if c.bool("protocols") {
		return runDoctorProtocols(ctx, c)
	}
	dir := c.get("data")
	if dir == "" {
		return &usageError{"doctor needs --data DIR (or RIPEN_DATA)", "ripen help doctor"}
	}
	if c.bool("accept-loss") && !c.bool("repair") {
		return &usageError{"--accept-loss says how --repair works: give both", "ripen help doctor"}
	}
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	var r *storage.Report
	var err error
	if c.bool("repair") {
		r, err = storage.Repair(ctx, dir, c.bool("accept-loss"))
	} else {
		r, err = storage.Doctor(ctx, dir)
	}
	if err != nil {
		return err
	}
	c.examineFiles(r)
	if c.bool("json") {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else {
		c.printReport(dir, r)
	}
	if r.Err() != nil {
		return errReported
	}
	return nil
}

// printReport writes what was found as a table, what to do about each, and what
// it all comes to.
func (c *call) printReport(dir string, r *storage.Report) {
	width := len("the directory")
	for _, f := range r.Findings {
		width = max(width, utf8.RuneCountInString(f.File))
	}
	for _, f := range r.Findings {
		where := f.File
		if where == "" {
			where = "the directory"
		}
		fmt.Fprintf(c.out, "%-8s %-*s  %s\n", f.Severity, width, where, plain(f.What))
		if f.Do != "" {
			fmt.Fprintf(c.out, "%-8s %-*s  → %s\n", "", width, "", withData(f.Do, dir))
		}
	}
	if err := r.Err(); err != nil {
		fmt.Fprintf(c.out, text{"\n%s is not whole: %s\n", "\n%s no está entero: %s\n"}.in(c.lang), dir, strings.TrimPrefix(err.Error(), "doctor: "))
		return
	}
	fmt.Fprintf(c.out, text{"\nall is well in %s: records %d to %d in %s blocks, %s keys\n", "\ntodo está bien en %s: registros %d a %d en %s bloques, %s claves\n"}.in(c.lang), dir, r.First, r.Last, countText(int64(r.Blocks)), countText(int64(r.Keys)))
}

// withData makes a remedy a command that can be copied.
func withData(do, dir string) string {
	if strings.Contains(do, "ripen doctor") {
		return do + " --data " + dir
	}
	return strings.Replace(do, "ripen restore", "ripen restore FILE --data NEW-DIRECTORY", 1)
}
