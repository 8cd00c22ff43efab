"""The demo: four made-up Vũng Tàu markets with three months of history and a live morning."""
