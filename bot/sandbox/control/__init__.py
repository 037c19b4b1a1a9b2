"""The sandbox's switches and its record, under `/_sandbox`."""
