"""One file for each thing that can be typed: it reads the options, lets other rooms do the work, shows the result."""
