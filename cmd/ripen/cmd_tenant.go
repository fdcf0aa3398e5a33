package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// tenantKeys is what a tenant needs to begin; the secret key is shown once.
type tenantKeys struct {
	Tenant    string `json:"tenant"`
	WriteKey  string `json:"write_key,omitempty"`
	SecretKey string `json:"secret_key"`
}

// tenantRow is one tenant in a list.
type tenantRow struct {
	Tenant  string      `json:"tenant"`
	ID      string      `json:"id"`
	Created string      `json:"created"`
	Ranking string      `json:"ranking,omitempty"`
	Sources []sourceRow `json:"sources"`
}

func tenantCommands() []*command {
	return []*command{
		{
			name: "tenant create", args: "NAME", min: 1, max: 1, use: serverSettings,
			summary: text{"a new tenant: prints its write key and secret key", "un inquilino nuevo: escribe su clave de escritura y la secreta"},
			help: `
The write key is public and goes into web pages: it may only send events. The
secret key reads leads and publishes scorecards; only its hash is kept, so this
is the one time it is shown.

  ripen tenant create acme --data ./data
  ripen tenant create acme --data ./data --json | jq -r .write_key`,
			run: runTenantCreate,
		},
		{
			name: "tenant list", use: serverSettings,
			summary: text{"tenants and their sources", "inquilinos y sus fuentes"},
			help:    "  ripen tenant list --data ./data",
			run:     runTenantList,
		},
		{
			name: "tenant rotate-keys", args: "NAME", min: 1, max: 1, use: serverSettings,
			summary: text{"a new secret key; the old one stops working at once", "una clave secreta nueva; la anterior deja de valer en el acto"},
			help:    "  ripen tenant rotate-keys acme --data ./data --json",
			run:     runTenantRotate,
		},
	}
}

func runTenantCreate(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var k tenantKeys
		if err := cl.do(ctx, "POST", "/v1/admin/tenants", nil, map[string]string{"name": c.args[0]}, &k); err != nil {
			return err
		}
		return c.printKeys(k)
	})
}

func runTenantRotate(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		var k tenantKeys
		if err := cl.do(ctx, "POST", "/v1/admin/tenants/"+url.PathEscape(c.args[0])+"/rotate-keys", nil, nil, &k); err != nil {
			return err
		}
		return c.printKeys(k)
	})
}

func (c *call) printKeys(k tenantKeys) error {
	if c.bool("json") {
		return c.printJSON(k)
	}
	if k.WriteKey != "" {
		fmt.Fprintf(c.out, text{"tenant      %s\nwrite key   %s\n", "inquilino           %s\nclave de escritura  %s\n"}.in(c.lang), plain(k.Tenant), k.WriteKey)
	}
	_, err := fmt.Fprintf(c.out, text{"secret key  %s   (shown only now)\n", "clave secreta       %s   (solo se enseña ahora)\n"}.in(c.lang), k.SecretKey)
	return err
}

func (cl *client) tenants(ctx context.Context) ([]tenantRow, error) {
	var list struct {
		Tenants []tenantRow `json:"tenants"`
	}
	err := cl.do(ctx, "GET", "/v1/admin/tenants", nil, nil, &list)
	return list.Tenants, err
}

func runTenantList(ctx context.Context, c *call) error {
	return c.withServer(ctx, func(cl *client) error {
		list, err := cl.tenants(ctx)
		if err != nil {
			return err
		}
		if c.bool("json") {
			return c.printJSON(list)
		}
		rows := make([][]string, 0, len(list))
		for _, t := range list {
			names := make([]string, 0, len(t.Sources))
			for _, s := range t.Sources {
				names = append(names, s.Source+" "+s.WriteKey)
			}
			slices.Sort(names)
			rows = append(rows, []string{t.Tenant, t.ID, clockText(t.Created), t.Ranking, strings.Join(names, ", ")})
		}
		c.table([]string{"TENANT", "ID", "CREATED", "RANKING", "SOURCES"}, rows)
		return nil
	})
}
