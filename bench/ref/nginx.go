package ref

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"ripen/bench/proc"
)

// nginxConf is the classic way to count with pixels: the module's constant
// GIF, every request a line of the access log. Nothing is parsed, nothing is
// synced, a line is lost with the page cache.
const nginxConf = `daemon off;
worker_processes 2;
pid %[1]s/pid;
error_log %[1]s/error.log crit;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
  access_log %[1]s/access.log combined;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  keepalive_requests 1000000000; keepalive_timeout 1h;
  server { listen %[2]s; location = /p.gif { empty_gif; } }
}
`

// FindNginx is the path of nginx, empty where it is not installed.
func FindNginx() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	if _, err := os.Stat("/usr/sbin/nginx"); err == nil {
		return "/usr/sbin/nginx"
	}
	return ""
}

// StartNginx runs nginx with its files in dir.
func StartNginx(log io.Writer, path, dir string) (*Server, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return start("nginx empty_gif + access_log", func(addr string) (*proc.Process, error) {
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, addr), 0o644); err != nil {
			return nil, err
		}
		return proc.Start(log, path, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	})
}
