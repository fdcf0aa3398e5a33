// Package proc runs the server under test as a process of its own and reads
// from /proc what it costs: processor time, memory, bytes on disk. Nothing is
// measured from inside the server.
package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a child that is running or has ended.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; valid after done
}

// Start runs a program; its output goes to log (nil discards).
func Start(log io.Writer, path string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the process with SIGKILL, as a crash would, and waits.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop asks the process to end and waits; after the timeout it is killed and
// that is an error.
func (p *Process) Stop(timeout time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("after SIGTERM: %w", p.err)
		}
		return nil
	case <-t.C:
		p.Kill()
		return fmt.Errorf("did not stop within %v of SIGTERM; killed", timeout)
	}
}

// Exit is how the process ended: nil for success or while it runs.
func (p *Process) Exit() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// tick is USER_HZ: the unit of /proc/PID/stat on Linux, whatever the kernel's own.
const tick = 10 * time.Millisecond

// CPU is the processor time, user and system, that the process and its
// children have used so far.
func (p *Process) CPU() (time.Duration, error) { return cpu(p.cmd.Process.Pid) }

func cpu(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	sum, err := parseStat(string(stat))
	if err != nil {
		return 0, err
	}
	kids, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return sum, nil // a kernel without it: programs with workers are undercounted
	}
	for _, kid := range strings.Fields(string(kids)) {
		n, err := strconv.Atoi(kid)
		if err != nil {
			return 0, fmt.Errorf("children of %d: %w", pid, err)
		}
		if more, err := cpu(n); err == nil {
			sum += more
		}
	}
	return sum, nil
}

// parseStat reads utime and stime, fields 14 and 15; the name in field 2 may
// hold spaces and brackets.
func parseStat(stat string) (time.Duration, error) {
	_, rest, ok := cutLast(stat, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat: need 15 fields")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("/proc/PID/stat: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Memory is what a process holds, in bytes.
type Memory struct {
	RSS  int64 // resident: anonymous, mapped files, shared
	Anon int64 // resident and private: what the process itself allocated
	Peak int64 // highest RSS so far
}

// Memory reads the process's memory now.
func (p *Process) Memory() (Memory, error) { return memory(strconv.Itoa(p.cmd.Process.Pid)) }

// Own is the memory of this process.
func Own() (Memory, error) { return memory("self") }

func memory(pid string) (Memory, error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return Memory{}, err
	}
	return parseStatus(string(status))
}

func parseStatus(status string) (Memory, error) {
	var m Memory
	found := 0
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		into := map[string]*int64{"VmRSS": &m.RSS, "RssAnon": &m.Anon, "VmHWM": &m.Peak}[name]
		if into == nil {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("/proc/PID/status: %s: %w", name, err)
		}
		*into, found = kb<<10, found+1
	}
	if found != 3 {
		return Memory{}, fmt.Errorf("/proc/PID/status: %d of VmRSS, RssAnon, VmHWM found, need 3", found)
	}
	return m, nil
}
