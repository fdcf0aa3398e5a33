// What is noticed without a line of code: page views (also of single-page
// applications and of pages that come back from the back-forward cache),
// downloads, outbound links and form submissions.

const files = /\.(pdf|docx?|xlsx?|pptx?|csv|txt|rtf|od[tsp]|epub|zip|rar|7z|gz|tar|dmg|exe|msi|apk|mp[34]|mov|avi|wav|key|pages)$/i;

// Anchors within a page are not pages; "#/route" and "#!route" are.
const route = () => location.pathname + location.search + (/^#[!/]/.test(location.hash) ? location.hash : "");

const watchPages = (ripen: any) => {
  let seen = "";
  const view = (again?: any) => {
    if (again === true || seen != route()) {
      seen = route();
      ripen("page");
    }
  };
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: any, ...args: any) {
      original.apply(this, args);
      view();
    };
  }
  addEventListener("popstate", view);
  addEventListener("hashchange", view);
  addEventListener("pageshow", (e) => e.persisted && view(true));
  view();
};

const watchLinks = (ripen: any) => {
  const click = (e: any) => {
    const link = e.button < 2 && e.composedPath().find((n: any) => /^A(REA)?$/.test(n.tagName) && n.href);
    if (!link || !/^http/.test(link.protocol)) return;
    if (link.hasAttribute("download") || files.test(link.pathname)) ripen("track", "download", { file: link.pathname, url: link.href });
    else if (link.host != location.host) ripen("track", "outbound", { host: link.host, url: link.href });
  };
  addEventListener("click", click, true);
  addEventListener("auxclick", click, true);
};

// A form tells its name. What was typed stays in the page, unless the site
// marks the form with data-ripen-identify: then its e-mail field identifies,
// and fields marked data-ripen-trait="name" become attributes.
const watchForms = (ripen: any) =>
  addEventListener(
    "submit",
    (e: any) => {
      const form = e.target as HTMLFormElement;
      const get = (name: string) => form.getAttribute(name);
      if (get("data-ripen-identify") != null) {
        const traits: any = {};
        form.querySelectorAll("[type=email],[data-ripen-trait]").forEach((f: any) => {
          if (/^(password|hidden|file)$/.test(f.type) || /^cc-/.test(f.autocomplete)) return;
          if (f.type == "radio" && !f.checked) return;
          const value = f.type == "checkbox" ? f.checked : f.type == "number" ? f.valueAsNumber : f.value.trim();
          if (value || value === false || value === 0) traits[f.dataset.ripenTrait || "email"] = value;
        });
        if (traits.email) ripen("identify", traits);
      }
      ripen("track", "form_submit", { form: get("id") || get("name") || "" });
    },
    true,
  );

/** watch starts noticing; manual leaves page views to the site. */
export const watch = (ripen: any, manual: boolean): void => {
  manual || watchPages(ripen);
  watchLinks(ripen);
  watchForms(ripen);
};
