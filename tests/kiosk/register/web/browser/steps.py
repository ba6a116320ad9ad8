"""What a person does in a browser."""

from playwright.sync_api import Page

from tests.kiosk.register.web.support import PASSWORD


def sign_in(page: Page, name: str) -> None:
    """Sign in by the form."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
