// Redoc on our own description.
const place = document.getElementById("reference");
Redoc.init(
  place.dataset.document,
  { hideDownloadButton: true, nativeScrollbars: true, theme: { colors: { primary: { main: "#2f5bd0" } } } },
  place,
);
