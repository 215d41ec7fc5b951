"""Does what is stored follow from the events (I12)? Reads all slices; what no event explains is stopped and told."""
