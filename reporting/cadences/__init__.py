"""What attempts come to: by medium, by step of a cadence, by how soon and how often somebody is called."""
