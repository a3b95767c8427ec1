"""What a person sees in a notebook: figures with a description in words, galleries of committed studies, widgets."""

from gritlib.show.figures import curves, pictures, present
from gritlib.show.gallery import claims, gallery, numbers
from gritlib.show.seeds import dots

__all__ = ["claims", "curves", "dots", "gallery", "numbers", "pictures", "present"]
