"""The pages, each a module with its ``urlpatterns`` and a template of the same name."""
