"""What travels inside every logged model, whole: picture decoding, columns and the endpoint's model."""
