"""Kill, cut, delay and starve the real program for as long as you like, then prove that it kept its promises."""
