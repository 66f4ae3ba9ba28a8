"""What travels inside every logged model, whole: picture decoding and the endpoint's model."""
