"""Pictures of a song: its cover, and the sheet that ``halation inspect`` draws."""
