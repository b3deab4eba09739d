"""The protocol of OpenAI's chat completions over agents: the routes stand in ``app.api.routes.openai``."""
