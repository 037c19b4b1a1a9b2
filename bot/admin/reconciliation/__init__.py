"""`kasapay reconcile`: our orders of a period against the provider's word and a merchant's statement."""
