"""What becomes of each kind of artifact on the box: checked, certified, activated, undone. One file a kind."""
