"""What a lesson's next turn needs, and its client keeps in the meantime."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LessonState:
    """digest is of the text (SHA-256), seconds how long was trained; content is what `Lesson.save` returned."""

    digest: str
    seed: int
    seconds: float
    content: bytes
