// The language of the page: both stand in it, and the style shows one. It goes along in the address, also to other pages of the report.

const TAGS = { "#en": "en", "#zh": "zh-CN" };
const root = document.documentElement;

function speak(tag) {
  const mark = tag === "en" ? "#en" : "#zh";
  root.lang = tag;
  document.title = document.querySelector("title").dataset[tag === "en" ? "en" : "zh"];
  document.querySelectorAll("a[href*='.html']").forEach((link) => { link.hash = mark; });
  document.querySelectorAll(".langs button").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.tag === tag));
  });
  document.dispatchEvent(new Event("language"));
}

document.querySelectorAll(".langs").forEach((box) => {
  box.hidden = false;
  box.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
    history.replaceState(null, "", button.dataset.tag === "en" ? "#en" : "#zh");
    speak(button.dataset.tag);
  }));
});
