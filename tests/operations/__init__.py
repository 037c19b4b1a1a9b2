"""Operations called directly: an actor and a request key in, a view out."""
