"""What people and merchants are told: the messages, and the outbox that delivers them."""
