"""What a person sees in a notebook: figures with a description in words, galleries of committed studies, widgets."""

from gritlib.show.figures import curves, pictures, present

__all__ = ["curves", "pictures", "present"]
