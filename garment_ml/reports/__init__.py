"""Figures and tables of a training, a search, a data set; returns them by path and logs nothing."""
