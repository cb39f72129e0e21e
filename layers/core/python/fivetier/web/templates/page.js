"use strict";
(() => {
  const form = document.getElementById("decide");
  if (form) {
    const approve = form.querySelector("button[value=approve]");
    const status = document.getElementById("to-do");
    const fields = [...form.elements].filter((field) => field.required);
    const isOpen = (field) => (field.type === "checkbox" ? !field.checked : !field.value.trim());
    const refresh = () => {
      if (!approve) return;
      const open = fields.filter(isOpen);
      approve.disabled = open.length > 0;
      const ticks = open.filter((field) => field.dataset.of === "finding").length;
      status.textContent = ticks > 0
        ? `Approve opens once every finding above is ticked with a reason: ${ticks} ${ticks === 1 ? "field" : "fields"} to go.`
        : open.length > 0 ? "Approve opens once you say why." : "";
    };
    document.addEventListener("input", refresh);
    document.addEventListener("change", refresh);
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "yes";
      // After the browser took the pressed button's value along.
      setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
    });
    refresh();
  }
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  if (document.body.dataset.pending) setTimeout(() => location.reload(), 2000);
})();
