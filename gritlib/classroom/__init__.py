"""What an author or instructor runs: lessons built from their sources, executed, and handed out."""
