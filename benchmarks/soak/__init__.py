"""Hours in minutes: clients that leave in the middle, requests that are given up, and what is left over afterwards."""
