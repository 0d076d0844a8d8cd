"""A backend without any framework, for tests of the supervisor."""
