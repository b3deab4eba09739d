// Swagger UI on our own description. A signed-in browser needs no token: its requests carry the session.
const place = document.getElementById("reference");
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  // Nothing is sent to a validator elsewhere.
  validatorUrl: null,
});
