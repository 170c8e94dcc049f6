"""The research report: collecting a corpus, searching it, checking citations, writing."""
