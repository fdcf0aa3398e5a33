package snippet_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ripen/snippet"
	"ripen/snippet/browsertest"
)

// sections cuts a template as Tag Manager does: ___NAME___ and what follows it.
func sections(t *testing.T, tpl string) map[string]string {
	t.Helper()
	heads := regexp.MustCompile(`(?m)^___([A-Z_]+)___$`).FindAllStringSubmatchIndex(tpl, -1)
	out, order := map[string]string{}, []string{}
	for i, h := range heads {
		end := len(tpl)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		name := tpl[h[2]:h[3]]
		out[name] = strings.TrimSpace(tpl[h[1]:end])
		order = append(order, name)
	}
	want := []string{"TERMS_OF_SERVICE", "INFO", "TEMPLATE_PARAMETERS", "SANDBOXED_JS_FOR_WEB_TEMPLATE", "WEB_PERMISSIONS", "TESTS", "NOTES"}
	if !slices.Equal(order, want) {
		t.Fatalf("sections %v, need %v", order, want)
	}
	return out
}

// gtmValue is a value of a permission: 1 a text, 2 a list, 3 a map, 8 a yes or no.
type gtmValue struct {
	Type     int
	String   string
	Boolean  bool
	ListItem []gtmValue
	MapKey   []gtmValue
	MapValue []gtmValue
}

// granted reads the permissions: "inject_script https://…", "access_globals
// ripen read".
func granted(t *testing.T, text string) (list []string) {
	t.Helper()
	var all []struct {
		Instance struct {
			Key   struct{ PublicID string }
			Param []struct {
				Key   string
				Value gtmValue
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, param := range p.Instance.Param {
			for _, item := range param.Value.ListItem {
				if item.Type == 1 {
					list = append(list, p.Instance.Key.PublicID+" "+item.String)
					continue
				}
				name := item.MapValue[0].String
				for i, may := range item.MapValue[1:] {
					if may.Boolean {
						list = append(list, p.Instance.Key.PublicID+" "+name+" "+item.MapKey[i+1].String)
					}
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

func TestTagManagerTemplateIsWhole(t *testing.T) {
	part := sections(t, string(snippet.TagManager("https://t.acme.es")))
	var info struct {
		Type              string
		ContainerContexts []string
	}
	if err := json.Unmarshal([]byte(part["INFO"]), &info); err != nil || info.Type != "TAG" || !slices.Equal(info.ContainerContexts, []string{"WEB"}) {
		t.Errorf("info %+v, %v", info, err)
	}
	var params []struct {
		Name, DisplayName, Type string
		SelectItems             []struct{ Value any }
		EnablingConditions      []struct {
			ParamName  string
			ParamValue any
		}
	}
	if err := json.Unmarshal([]byte(part["TEMPLATE_PARAMETERS"]), &params); err != nil {
		t.Fatal(err)
	}
	code, actions := part["SANDBOXED_JS_FOR_WEB_TEMPLATE"], map[any]bool{}
	names := []string{"gtmOnSuccess", "gtmOnFailure"} // which every tag has
	for _, p := range params {
		names = append(names, p.Name)
		if !strings.Contains(code, "data."+p.Name) {
			t.Errorf("nobody reads the parameter %s", p.Name)
		}
		for _, item := range p.SelectItems {
			actions[item.Value] = true
			if !strings.Contains(code, fmt.Sprintf("data.action === '%v'", item.Value)) {
				t.Errorf("nothing is done for the action %v", item.Value)
			}
		}
		for _, on := range p.EnablingConditions {
			if on.ParamName != "action" || !actions[on.ParamValue] {
				t.Errorf("%s is asked for if %s is %v, which it never is", p.Name, on.ParamName, on.ParamValue)
			}
		}
	}
	for _, used := range regexp.MustCompile(`data\.(\w+)`).FindAllStringSubmatch(code, -1) {
		if !slices.Contains(names, used[1]) {
			t.Errorf("the code reads data.%s, which no parameter is", used[1])
		}
	}
}

// sandbox plays Tag Manager, as its reference describes these calls: it gives
// the template what it requires and nothing else, and notes every permission
// that is needed. A page's own script cannot be told from it.
const sandbox = `
const needed = new Set(), injected = {}, done = [];
const need = (what) => needed.add(what);
const at = (key, v) => {
  const path = key.split('.'), last = path.pop();
  const o = path.reduce((o, k) => o[k], window);
  return v === undefined ? o[last] : (o[last] = v);
};
const apis = {
  createArgumentsQueue(fn, list) {
    for (const key of [fn, list]) for (const how of ['read', 'write']) need('access_globals ' + key + ' ' + how);
    if (!at(fn)) at(fn, function () { at(list).push(arguments); });
    if (!at(list)) at(list, []);
    return at(fn);
  },
  encodeUriComponent: encodeURIComponent,
  makeTableMap: (table, k, v) => Object.fromEntries(table.map((row) => [row[k], row[v]])),
  injectScript(url, ok, fail, token) {
    need('inject_script ' + new URL(url).origin + '/*');
    if (injected[token]) return ok();
    injected[token] = url;
    const s = document.createElement('script');
    Object.assign(s, { src: url, async: true, onload: ok, onerror: fail });
    document.head.append(s);
  },
};
const fire = (data) => new Promise((ok, fail) => {
  const require = (name) => { if (!apis[name]) throw Error('no api ' + name); return apis[name]; };
  const hidden = ['window', 'document', 'globalThis', 'self', 'location', 'navigator', 'fetch', 'setTimeout'];
  new Function('require', 'data', ...hidden, '"use strict";' + TEMPLATE)(require, { ...data, gtmOnSuccess: () => ok('ok'), gtmOnFailure: () => fail(Error('failed')) });
});
`

// The template's code runs in Chromium as Tag Manager would run it: tags that
// fire before the one that starts lose nothing, its options hold from the first
// event on, and it uses the permissions that it asks for, all of them.
func TestTagManagerTemplateRuns(t *testing.T) {
	c := start(t, map[string]string{"/": "<!--data-key-->"})
	part := sections(t, string(snippet.TagManager(c.URL+"/")))
	code, err := json.Marshal(part["SANDBOXED_JS_FOR_WEB_TEMPLATE"])
	if err != nil {
		t.Fatal(err)
	}
	ctx := browsertest.Start(t)
	fire := func(js string) {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](js, chromedp.EvalAwaitPromise))
		if err != nil || got != "ok" {
			t.Fatalf("%s: %q, %v", js, got, err)
		}
	}
	browsertest.Do(t, ctx, chromedp.Navigate(c.site.URL+"/"), run("window.TEMPLATE = "+string(code)+";"+strings.ReplaceAll(sandbox, "const ", "var ")))
	fire(`fire({action: 'track', value: 'Early', fields: [{name: 'plan', value: 'pro'}, {name: 'n', value: '1'}]})`)
	fire(`fire({action: 'start', host: '` + c.URL + `', key: 'k&y', options: 'consent=pending&off=scroll'})`)
	fire(`fire({action: 'identify', value: '', fields: [{name: 'email', value: 'ana@acme.es'}]})`)
	fire(`fire({action: 'identify', value: 'u-ana'})`)
	fire(`fire({action: 'consent', value: 'granted'})`)
	got := c.want(t, "page /", "Early", "identify", "identify", "consent")
	if got[1].Properties["plan"] != "pro" || got[2].Traits["email"] != "ana@acme.es" || got[3].UserID != "u-ana" {
		t.Errorf("fields are missing: %+v", got)
	}
	for _, m := range got {
		if m.Context.Consent == nil {
			t.Errorf("%s did not wait for the person's word", m)
		}
	}
	fire(`fire({action: 'start', host: '` + c.URL + `', key: 'k&y'})`) // twice on a page
	fire(`fire({action: 'track', value: 'Late'})`)
	c.want(t, "page /", "Early", "identify", "identify", "consent", "Late")
	c.await(t, "the key", func(_ []message, all []request) bool { return all[0].writeKey == "k&y" })

	needed, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...needed].sort()`))
	if err != nil {
		t.Fatal(err)
	}
	if asked := granted(t, part["WEB_PERMISSIONS"]); !slices.Equal(asked, needed) {
		t.Errorf("the template asks for\n %q\nand needs\n %q", asked, needed)
	}
}
