"""The formats that other programs read: Markdown, JUnit's XML, JSON lines, GitHub's annotations."""
