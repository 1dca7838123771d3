"""What must hold: subjects, calls, laws, and the interface that laws call."""
