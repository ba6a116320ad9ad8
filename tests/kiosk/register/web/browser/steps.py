"""What a person does in a browser."""

from playwright.sync_api import Page

from tests.kiosk.register.web.support import PASSWORD, session_of


def sign_in(page: Page, name: str) -> None:
    """Sign in by the form."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def enter(page: Page, name: str, address: str) -> None:
    """Be signed in, without the form, which takes its time by design."""
    cookie = {"name": "kiosk-session", "value": session_of(name), "url": address}
    page.context.add_cookies([cookie])  # type: ignore[list-item] # a TypedDict of Playwright
