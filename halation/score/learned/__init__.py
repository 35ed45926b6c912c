"""The learned composer: its tokens, its network, and the critic that chooses among its drafts."""
