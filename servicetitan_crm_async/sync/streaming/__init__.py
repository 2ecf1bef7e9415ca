"""Changes handed to a program batch by batch, each with the cursor to go on from."""
