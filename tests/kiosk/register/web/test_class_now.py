"""The page of a lesson."""

from tests.kiosk.register.web.support import School, client_of


def test_a_teacher_does_not_see_the_class_of_another(school: School) -> None:
    """Another teacher's lesson is not found, whether it exists or not."""
    response = client_of("alice").get(f"/lessons/{school.other_lesson.lesson_id}/now")
    assert response.status_code == 404
