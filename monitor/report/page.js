"use strict";
// The filter of the preview, and all details open on paper. Nothing is fetched.
(() => {
  const filters = document.getElementById("filters");
  if (filters) {
    const rows = Array.from(document.querySelectorAll("#rows tr"));
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const part = (name) => document.getElementById("filter-" + name);
    const shown = document.getElementById("shown");
    const apply = () => {
      const words = part("text").value.toLowerCase().split(/\s+/).filter(Boolean);
      const status = part("status").value;
      const reason = part("reason").value;
      let count = 0;
      rows.forEach((row, place) => {
        const fits =
          (!status || row.dataset.status === status) &&
          (!reason || row.dataset.codes.split("|").includes(reason)) &&
          words.every((word) => texts[place].includes(word));
        row.hidden = !fits;
        count += fits ? 1 : 0;
      });
      shown.textContent = count.toLocaleString("en-US");
    };
    ["text", "status", "reason"].forEach((name) => {
      part(name).addEventListener("input", apply);
    });
    part("all").addEventListener("click", () => {
      ["text", "status", "reason"].forEach((name) => { part(name).value = ""; });
      apply();
      part("text").focus();
    });
    document.querySelectorAll("a[data-reason]").forEach((link) => {
      link.addEventListener("click", () => {
        part("text").value = "";
        part("status").value = "";
        part("reason").value = link.dataset.reason;
        apply();
      });
    });
    // A browser may keep what was typed before the page was loaded again.
    apply();
    filters.hidden = false;
  }
  const closed = () => document.querySelectorAll("details:not([open])");
  window.addEventListener("beforeprint", () => {
    closed().forEach((each) => {
      each.dataset.closed = "yes";
      each.open = true;
    });
  });
  window.addEventListener("afterprint", () => {
    document.querySelectorAll("details[data-closed]").forEach((each) => {
      each.open = false;
      delete each.dataset.closed;
    });
  });
})();
