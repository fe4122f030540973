// Before the first paint, which waits for this script: the page's language and theme. Nothing is shown in another
// language than the one chosen: style.css hides what is untranslated until main.js has translated it.
{
  const root = document.documentElement;
  const saved = (name) => localStorage.getItem(`carousel.${name}`);
  const linked = new URLSearchParams(location.hash.split("?")[1]).get("lang");
  const wanted = [linked, saved("language"), ...navigator.languages.map((name) => name.slice(0, 2))];
  root.lang = wanted.find((name) => ["en", "tr"].includes(name)) ?? "en";
  const theme = saved("theme") ?? "auto";
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";
  root.toggleAttribute("data-untranslated", root.lang !== "en");
}
