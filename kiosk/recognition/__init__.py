"""Who it is: from a frame to a decision. It knows no broker and no register."""
