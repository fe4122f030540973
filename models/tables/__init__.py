"""Files of text as others write them: encodings, lines, and separated values. The trainer and the service read them."""
