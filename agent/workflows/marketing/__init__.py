"""What the workflow `marketing-post` is made of."""
