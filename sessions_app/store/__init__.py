"""The durable writer: what the gateway wants kept goes to PostgreSQL in batches, never row by row or on the loop."""
