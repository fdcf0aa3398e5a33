// The shop's own script: a cart in the browser, and the calls any shop makes to
// tell a tracker about it.
"use strict";
(() => {
  const lang = document.body.dataset.lang;
  const money = (n) => (lang === "es" ? n.toLocaleString("es-ES", { useGrouping: "always" }) + " €" : "€" + n.toLocaleString("en-IE"));
  const key = "vaho.cart";
  const read = () => {
    try {
      return JSON.parse(localStorage[key] || "{}"); // sku → quantity
    } catch {
      return {};
    }
  };
  const write = (cart) => {
    try {
      localStorage[key] = JSON.stringify(cart);
    } catch {}
    show();
  };

  const item = (data, quantity) => ({
    product_id: data.sku,
    sku: data.sku,
    name: data.name,
    category: data.category,
    price: Number(data.price),
    quantity,
  });

  const lines = [...document.querySelectorAll(".lines li")];

  // What is in the cart, as far as this page lists products.
  const items = () => {
    const cart = read();
    return lines.filter((li) => cart[li.dataset.sku]).map((li) => item(li.dataset, cart[li.dataset.sku]));
  };
  const sum = (list) => list.reduce((total, p) => total + p.price * p.quantity, 0);

  const show = () => {
    const cart = read();
    const count = Object.values(cart).reduce((a, b) => a + b, 0);
    document.getElementById("count").textContent = count;
    for (const li of lines) {
      const n = cart[li.dataset.sku];
      li.hidden = !n;
      const field = li.querySelector("input");
      if (field && n) field.value = n;
      const still = li.querySelector(".n");
      if (still) still.textContent = n || 0;
    }
    const total = document.getElementById("total");
    if (total) total.textContent = money(sum(items()));
    document.querySelectorAll(".full").forEach((e) => (e.hidden = !count));
    document.querySelectorAll(".empty").forEach((e) => (e.hidden = !!count));
  };

  const add = document.getElementById("add");
  if (add)
    add.querySelector("button").addEventListener("click", () => {
      const cart = read();
      cart[add.dataset.sku] = (cart[add.dataset.sku] || 0) + 1;
      write(cart);
      ripen("track", "Product Added", item(add.dataset, 1));
      document.querySelector(".note").hidden = false;
    });

  for (const li of lines) {
    li.querySelector("input")?.addEventListener("change", (e) => {
      const cart = read();
      cart[li.dataset.sku] = Math.max(1, Math.min(99, Math.round(e.target.valueAsNumber) || 1));
      write(cart);
    });
    li.querySelector("button")?.addEventListener("click", () => {
      const cart = read();
      ripen("track", "Product Removed", item(li.dataset, cart[li.dataset.sku]));
      delete cart[li.dataset.sku];
      write(cart);
    });
  }

  const checkout = document.getElementById("checkout");
  if (checkout) {
    const list = items();
    if (list.length) ripen("track", "Checkout Started", { value: sum(list), currency: "EUR", products: list });
    checkout.addEventListener("submit", (e) => {
      const order = items();
      if (!order.length) {
        e.preventDefault();
        return;
      }
      ripen("track", "Order Completed", {
        order_id: "V-" + Date.now().toString(36),
        value: sum(order),
        total: sum(order),
        currency: "EUR",
        products: order,
      });
      write({});
    });
  }

  // Who asks for letters says yes to them before saying who it is.
  const news = document.querySelector(".news");
  news?.querySelector("button").addEventListener("click", () => {
    if (news.elements.letters.checked && news.checkValidity()) ripen("consent", { marketing: "granted" });
  });

  addEventListener("pageshow", show); // also when the page comes back from the cache
  addEventListener("storage", show); // and when another tab changed the cart
  show();
})();
