"""What people decide about leads: what all acts share, the acts themselves, and how they are asked for."""
