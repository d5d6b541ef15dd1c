"""Networks, calibration and calls: import the predictor, its training and its file from here."""
