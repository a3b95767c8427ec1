"""What a person sees in a notebook: figures with a description in words, galleries of committed studies, widgets."""

from gritlib.show.figures import curves, pictures, present
from gritlib.show.gallery import claims, gallery, numbers
from gritlib.show.seeds import dots
from gritlib.show.verdicts import claim_table

__all__ = ["claim_table", "claims", "curves", "dots", "gallery", "numbers", "pictures", "present"]
